// Host names of one's own, with certificates that renew themselves. Flex Consumption has neither
// managed certificates nor App Service certificates; Front Door has. The app's own host name goes
// on answering, so that links sent before keep working.
param token string
param tags object
param appHost string
param hosts array

resource profile 'Microsoft.Cdn/profiles@2024-02-01' = {
  name: 'door-${token}'
  location: 'global'
  tags: tags
  sku: {
    name: 'Standard_AzureFrontDoor'
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2024-02-01' = {
  parent: profile
  name: 'door-${token}'
  location: 'global'
  properties: {
    enabledState: 'Enabled'
  }
}

resource originGroup 'Microsoft.Cdn/profiles/originGroups@2024-02-01' = {
  parent: profile
  name: 'app'
  properties: {
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
    }
  }
}

resource origin 'Microsoft.Cdn/profiles/originGroups/origins@2024-02-01' = {
  parent: originGroup
  name: 'app'
  properties: {
    hostName: appHost
    originHostHeader: appHost
    httpPort: 80
    httpsPort: 443
    priority: 1
    weight: 1000
  }
}

resource domains 'Microsoft.Cdn/profiles/customDomains@2024-02-01' = [for host in hosts: {
  parent: profile
  name: replace(host, '.', '-')
  properties: {
    hostName: host
    tlsSettings: {
      certificateType: 'ManagedCertificate'
      minimumTlsVersion: 'TLS12'
    }
  }
}]

// No cacheConfiguration: every pixel and every click must reach the app.
resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2024-02-01' = {
  parent: endpoint
  name: 'everything'
  properties: {
    originGroup: {
      id: originGroup.id
    }
    customDomains: [for (host, i) in hosts: {
      id: domains[i].id
    }]
    supportedProtocols: [
      'Http'
      'Https'
    ]
    patternsToMatch: [
      '/*'
    ]
    forwardingProtocol: 'HttpsOnly'
    httpsRedirect: 'Enabled'
    linkToDefaultDomain: 'Enabled'
  }
  // The group must not be empty when the route is made.
  dependsOn: [
    origin
  ]
}

output host string = endpoint.properties.hostName
