// Everything a deployment has, in one resource group. Started by `azd up` (azure.yaml); the
// parameters are in main.parameters.json. docs/first-deployment.md leads through it.
//
// Made in this order: the identity, what it reaches, its roles, the app, what watches it.
targetScope = 'subscription'

@description('One organization: a storage account of its own, and an entry in the registry that the app reads.')
type organizationType = {
  @description('2 to 24 of a-z and 0-9, for good: it is part of every link that is sent.')
  @minLength(2)
  @maxLength(24)
  id: string

  @description('What people call it.')
  name: string

  @description('The id of its Entra tenant.')
  @minLength(36)
  @maxLength(36)
  tenant: string

  @description('The mail domains its sellers send from.')
  domains: string[]

  @description('The host name of its links, for example mail.contoso.com; empty for the common one.')
  publicHost: string
}

@description('The name of this deployment, of which every resource name is made. azd asks for it.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('The region. It must offer Flex Consumption. azd asks for it.')
@minLength(1)
param location string

@description('Who deploys: may write the first signing key into the vault. azd fills it in.')
param principalId string = ''

@description('What kind of principal deploys.')
@allowed([
  'User'
  'ServicePrincipal'
])
param principalType string = 'User'

@description('The organizations. Adding one is an entry here and one deploy; taking one away keeps its storage account and all its data.')
param organizations organizationType[] = []

@description('The app registration by which people sign in and that acts in the organizations\' tenants. hooks.py makes it and fills it in.')
param entraClientId string = ''

@description('The common host name of links, for example mail.example.com; empty for the app\'s own. A host name brings Front Door, which has the certificate.')
param publicHost string = ''

@description('Where alerts are mailed to; empty: they are only shown in the portal.')
param alertAddress string = ''

@description('How storage is kept: in one place (LRS), in three zones (ZRS), or in a second region as well (GRS, GZRS).')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param redundancy string = 'Standard_ZRS'

@description('Instances that wait for recipients, so that no pixel meets a cold start.')
@minValue(1)
@maxValue(20)
param alwaysReadyInstances int = 1

@description('How many instances there may be at most.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 100

@description('Days after which a file that no message took with it is deleted: at least as long as organizations schedule ahead.')
@minValue(30)
param fileDays int = 400

var token = uniqueString(subscription().id, environmentName)
var appName = 'app-${token}'
var tags = {
  'azd-env-name': environmentName
}

// Known before anything is made, so that the registry and the roles need not wait for the accounts.
var hostAccount = 'host${token}'
var organizationAccounts = [for one in organizations: '${take(one.id, 11)}${uniqueString(subscription().id, environmentName, one.id)}']

var tenants = [for one in organizations: one.tenant]
var severalTenants = length(union([subscription().tenantId], tenants)) > 1

var appHost = '${appName}.azurewebsites.net'
var publicAddress = empty(publicHost) ? 'https://${appHost}' : 'https://${publicHost}'
var ownHosts = [for one in organizations: one.publicHost]
var hosts = filter(union([publicHost], ownHosts), host => !empty(host))

var registry = [for (one, i) in organizations: {
  id: one.id
  name: one.name
  tables: 'https://${organizationAccounts[i]}.table.${environment().suffixes.storage}'
  blobs: 'https://${organizationAccounts[i]}.blob.${environment().suffixes.storage}'
  tenant: one.tenant
  domains: one.domains
  publicAddress: empty(one.publicHost) ? null : 'https://${one.publicHost}'
}]

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
  }
}

module hostStorage 'host-storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: hostAccount
    location: location
    tags: tags
    redundancy: redundancy
  }
}

module organizationStorage 'organization-storage.bicep' = [for (one, i) in organizations: {
  name: 'organization-${one.id}'
  scope: group
  params: {
    organization: one.id
    name: organizationAccounts[i]
    location: location
    tags: tags
    redundancy: redundancy
    pageAddresses: union(['https://${appHost}', publicAddress], empty(one.publicHost) ? [] : ['https://${one.publicHost}'])
    fileDays: fileDays
  }
}]

module vault 'vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'keys-${token}'
    location: location
    tags: tags
  }
}

module roles 'roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    appPrincipalId: identity.outputs.principalId
    deployerPrincipalId: principalId
    deployerPrincipalType: principalType
    hostAccount: hostStorage.outputs.name
    organizationAccounts: organizationAccounts
    vaultName: vault.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
  dependsOn: [
    organizationStorage
  ]
}

module app 'app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: appName
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostAccount: hostStorage.outputs.name
    packagesContainer: hostStorage.outputs.packagesContainer
    signingKeysUri: vault.outputs.signingKeysUri
    applicationInsightsConnection: monitoring.outputs.applicationInsightsConnection
    organizations: registry
    publicAddress: publicAddress
    entraClientId: entraClientId
    severalTenants: severalTenants
    behindFrontDoor: !empty(hosts)
    alwaysReadyInstances: alwaysReadyInstances
    maximumInstances: maximumInstances
  }
  dependsOn: [
    roles
  ]
}

module entrance 'front-door.bicep' = if (!empty(hosts)) {
  name: 'front-door'
  scope: group
  params: {
    token: token
    tags: tags
    appHost: appHost
    hosts: hosts
  }
  dependsOn: [
    app
  ]
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    accounts: concat([hostAccount], organizationAccounts)
    address: alertAddress
  }
  dependsOn: [
    hostStorage
    organizationStorage
  ]
}

// What hooks.py goes on with, and what people look for.
output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = app.outputs.name
output VAULT_NAME string = vault.outputs.name
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output PUBLIC_ADDRESS string = publicAddress
output SIGN_IN_CLIENT_ID string = entraClientId
output SIGN_IN_HOSTS array = union([appHost], hosts)
output ORGANIZATION_TENANTS array = union([subscription().tenantId], tenants)
