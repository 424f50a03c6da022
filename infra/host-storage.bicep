// The host's own account: work queues, the app's package, and the overflow for hits whose
// organization's storage is away.
param name string
param location string
param tags object
param redundancy string

// What the code calls them: shared/storage/names.py. A queue's poison twin takes what broke its
// function again and again.
var queueNames = [
  'deliver'
  'deliver-poison'
  'fold'
  'fold-poison'
  'upload'
  'upload-poison'
  'replies'
  'replies-poison'
]
var containerNames = [
  'overflow'
]
var packagesName = 'packages'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [for container in concat(containerNames, [packagesName]): {
  parent: blobService
  name: container
  properties: {
    publicAccess: 'None'
  }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [for queue in queueNames: {
  parent: queueService
  name: queue
}]

output name string = account.name
output packagesContainer string = packagesName
